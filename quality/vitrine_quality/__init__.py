"""Quality tests of measurements: pure functions on arrays, rules, and state for values that arrive one by one."""
