package desk

import "chancery.example/chancery/telegram"

// ParseTime reads a time as a form has it, in seconds since 1970.
func ParseTime(s string) (int64, error) { return parseTime(s) }

// ParseDue reads a time by which something is due: a day alone is due when it ends.
func ParseDue(s string) (int64, error) { return parseDue(s) }

// ParseAsks reads what a form asks for, as in "receipt, fulfilment".
func ParseAsks(s string) (telegram.Asks, error) { return parseAsks(s) }
