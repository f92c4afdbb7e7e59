"""The health of endpoints: figures, automatic pause, pause by hand."""
