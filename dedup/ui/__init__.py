"""The browser side of dedup: the only package that imports Streamlit."""
