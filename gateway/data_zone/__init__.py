"""What the data zone does with each kind of envelope that crosses the mailbox. Every handler checks the actor again for itself."""
