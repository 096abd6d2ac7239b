"""Points for programs that declare none: system calls of any program, `os` calls of Python code.

`syscalls` traces a waiting child with strace and kills it at one of its file-system calls;
`marks` measures whether declared points bracket every such call; `python_calls` turns the calls
of Python code into points. It never needs the source or the co-operation of the program.
"""
