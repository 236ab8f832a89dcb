"""Inputs and outputs of the machine, results, and accounting."""
