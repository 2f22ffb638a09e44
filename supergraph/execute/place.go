package execute

import "linhui/supergraph/plan"

// place resolves a path of the merged data.
func (c *compiler) place(path plan.Path) place {
	p := place{path: path, shape: c.Program.root}
	p.steps, p.shape = c.steps(p.shape, path)
	return p
}

func (c *compiler) steps(at *shape, path plan.Path) ([]step, *shape) {
	var steps []step
	for _, s := range path {
		switch {
		case s.Types != nil:
			steps = append(steps, step{types: s.Types, shape: at})
		case s.Each:
			steps = append(steps, step{each: true})
		default:
			slot := at.slotOf(s.Key)
			if at.below[slot] == nil {
				at.below[slot] = c.shape(at.interned)
			}
			steps = append(steps, step{slot: slot, shape: at})
			at = at.below[slot]
		}
	}
	return steps, at
}

func (c *compiler) rewrites(at *shape, list []plan.Rewrite) []rewrite {
	var made []rewrite
	for _, r := range list {
		w := rewrite{rename: r}
		w.steps, w.shape = c.steps(at, r.Path)
		w.from, w.to = w.shape.slotOf(r.From), w.shape.slotOf(r.To)
		made = append(made, w)
	}
	return made
}
