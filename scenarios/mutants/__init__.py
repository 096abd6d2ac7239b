"""Mutants of both engines, made by rule and hunted by the scenarios: how much do these notice?"""
