"""Job bookmarks: state, selection, encryption, storage and commit."""
