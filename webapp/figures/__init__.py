"""Plots as plain data for Plotly. Nothing here queries more than it is given, and no colour is named but by its token."""
