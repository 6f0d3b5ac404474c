"""Systems that are measured: one module each, with one method for each measurement that it takes part in."""
