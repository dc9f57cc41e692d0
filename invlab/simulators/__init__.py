"""Engines of dear simulators: light on a lattice, incompressible flow, stiff periodic equations."""
