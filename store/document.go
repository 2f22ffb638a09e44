package store

// Document is the type of a column that is no column of the table: SQL of the type's own
// gathers it from other tables into one JSON document. It is a pointer type.
type Document interface {
	// SQL computes the document of a row t. It is called on a nil pointer.
	SQL() string
	// Unread says what of the document this version cannot read and does without; nil: nothing.
	Unread() error
}

// reportUnread logs what a row's document holds that cannot be read: it must not fail a list.
func (r *reader[T]) reportUnread(c *column, row *Row, d Document) {
	if err := d.Unread(); err != nil {
		r.log.Warn("part of a document cannot be read and is left out", "table", r.table.Table,
			"column", c.name, "owner", row.Owner, "id", row.UUID, "error", err)
	}
}
