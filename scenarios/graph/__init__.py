"""The graph store under test: its system, its invariants, and a scenario per operation."""
