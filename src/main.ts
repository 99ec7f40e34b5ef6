// The binary's entry: everything else is in roles.
