"""The components that run in the browser, and what they are fed."""
