package compose

// owners are the sources that say what a field is: those that are not @external, if there are any.
func owners(from []source) []source {
	var out []source
	for _, s := range from {
		if !s.f.external {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return from
	}
	return out
}

// externals checks that what subgraphs say of a field that is another's fits what it is.
func (c *composer) externals(where string, mf *mergedField, from []source) {
	base := owners(from)
	if len(base) == len(from) {
		return
	}
	for _, s := range from {
		if !s.f.external {
			continue
		}
		places := append(one(s.g.at(s.f.pos)), fieldPlaces(base)...)
		if w := c.wider(s.f.typ, mf.typ); w == nil || w.String() != s.f.typ.String() {
			c.problem("EXTERNAL_TYPE_MISMATCH", places, "give it the type that it has where it is resolved", "%s is @external as %s in %s, but it is %s", where, s.f.typ, s.g.name, mf.typ)
		}
		for _, a := range mf.args {
			own := s.f.args.ForName(a.name)
			switch {
			case own == nil:
				c.problem("EXTERNAL_ARGUMENT_MISSING", places, "give it the arguments that it has where it is resolved", "%s is @external in %s without its argument %s", where, s.g.name, a.name)
			case narrower(s.g.usualType(own.Type), a.typ) == nil:
				c.problem("EXTERNAL_ARGUMENT_TYPE_MISMATCH", places, "give the argument the type that it has where the field is resolved", "the argument %s(%s:) is %s in %s, where the field is @external, but it is %s", where, a.name, own.Type, s.g.name, a.typ)
			case own.DefaultValue != nil && (a.def == nil || !same(own.DefaultValue, a.def)):
				c.problem("EXTERNAL_ARGUMENT_DEFAULT_MISMATCH", places, "give the argument the default that it has where the field is resolved", "the argument %s(%s:) has another default in %s, where the field is @external", where, a.name, s.g.name)
			}
		}
	}
}
