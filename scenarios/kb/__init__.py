"""The knowledge base under test: its system, its invariants, and scenarios per operation."""
