"""What is done with all stored secrets: wrap them with another key, move them to another store."""
