"""The steps, oldest first. A step that was released is never edited: the next one corrects it.

There is no way back: a step that went wrong rolls back whole, and after it the backup is the older state.
"""
