"""Estimators for the trials, on numpy arrays. Each names its formula and source; none of them knows the database."""
