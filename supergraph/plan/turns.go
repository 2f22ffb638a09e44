package plan

import "slices"

// turns are the root fields of a mutation in the order in which they are done. A response key that is selected several
// times is done once, where it is selected first by what @skip and @include let through, and with all that is selected of it.
func turns(wants []*want) [][]*want {
	var out [][]*want
	for i, w := range wants {
		same := func(o *want) bool { return o.key == w.key }
		whens := []conds{w.conds}
		for _, earlier := range wants[:i] {
			if same(earlier) {
				whens = unless(whens, earlier.conds)
			}
		}
		for _, when := range whens {
			turn := []*want{w.when(when)}
			for _, later := range wants[i+1:] {
				if both := when.and(later.conds...); same(later) && !both.never() {
					turn = append(turn, later.when(both))
				}
			}
			out = append(out, turn)
		}
	}
	return out
}

// unless are conditions that together hold when one of whens does and cs does not, no two of them at once.
func unless(whens []conds, cs conds) []conds {
	var out []conds
	for _, when := range whens {
		for i, c := range cs {
			term := when.and(cs[:i]...).and(not(c))
			if !term.never() {
				out = append(out, term)
			}
		}
	}
	return out
}

func not(c string) string {
	if c[0] == '!' {
		return c[1:]
	}
	return "!" + c
}

// never reports whether the conditions contradict each other.
func (c conds) never() bool {
	return slices.ContainsFunc(c, func(one string) bool { return slices.Contains(c, not(one)) })
}

func (w *want) when(cs conds) *want {
	if slices.Equal(w.conds, cs) {
		return w
	}
	c := *w
	c.conds = cs
	return &c
}
