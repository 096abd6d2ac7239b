"""This store's records (`engine.record`), with the errors of its own tree.

Every file of the knowledge base that is no document and no page is a record. It never reads a file.
"""

from engine.kb.errors import DamagedFileError, FutureFormatError
from engine.record import Fields, Records, digest, encode

_RECORDS = Records(damaged=DamagedFileError, future=FutureFormatError)
decode = _RECORDS.decode
parsing = _RECORDS.parsing

__all__ = ["Fields", "decode", "digest", "encode", "parsing"]
