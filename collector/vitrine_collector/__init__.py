"""The collector: a Sparkplug host application that writes each measurement once, then says so."""
