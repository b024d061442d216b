"""Reading instruments over Modbus: which registers to ask for, asking for them, and what they mean."""
