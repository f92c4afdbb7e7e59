"""The health of endpoints: figures, safe pause, pause by hand."""
