"""Write the generated files of the JavaScript SDK."""

from portal_devtools.javascript_sdk.generation import FOLDER, generated

for name, text in generated().items():
    (FOLDER / name).write_text(text)
