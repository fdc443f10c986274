"""Writes a first configuration for data that were looked at (`pipeline.first_look`).

`sizes` derives numbers from the data; the other modules write a commented file for each kind.
"""
