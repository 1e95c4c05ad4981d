package postgres

// Begin is how a change begins.
var Begin = begin
