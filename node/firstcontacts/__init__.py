"""Where the first seeds come from: named, remembered, in this machine or network, by DNS."""
