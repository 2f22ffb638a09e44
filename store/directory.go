package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Division is a row of the directory; its owner is its code.
type Division struct {
	Row
	Code       string            `db:"code"`
	Gb2260     string            `db:"gb2260"`
	Name       string            `db:"name"`
	Level      scalar.Enum       `db:"level"`
	ParentOf   *string           `db:"parent_code" for:"parent"`
	NextCode   *string           `db:"successor_code" for:"successor"`
	ValidFrom  *scalar.Date      `db:"valid_from"`
	ValidTo    *scalar.Date      `db:"valid_to"`
	Provenance scalar.Provenance `db:"provenance"`
}

// Community is a row of the directory; its owner is its slug.
type Community struct {
	Row
	NameZh       string            `db:"name_zh"`
	NameEn       *string           `db:"name_en"`
	Aliases      []string          `db:"aliases"`
	DivisionCode *string           `db:"division_code"`
	ParentCode   string            `db:"parent_code"`
	TimeZone     string            `db:"time_zone"`
	Note         *string           `db:"note"`
	Provenance   scalar.Provenance `db:"provenance"`
}

// Slug is the community's owner key.
func (c *Community) Slug() string { return c.Owner }

type (
	CommunityConnection = page.Connection[Community]
	CommunityEdge       = page.Edge[Community]
)

// The two tables of the directory give their rows an owner and an id like all others.
var (
	Divisions = Define[Division](Spec{Type: "Division",
		Table: "(SELECT code AS owner, '" + uuid.Nil.String() + "'::uuid AS id, d.* FROM divisions d)"})
	Communities = Define[Community](Spec{Type: "Community",
		Table:  "(SELECT slug AS owner, c.* FROM communities c WHERE retired_at IS NULL)",
		Orders: map[string][]string{"SLUG": nil, "NAME": {"name_zh"}}})
)

var (
	_ = FromDirectory(Divisions, "parent", "Division", func(d *Directory, x *Division) any { return d.division(x.ParentOf) })
	_ = FromDirectory(Divisions, "successor", "Division", func(d *Directory, x *Division) any { return d.division(x.NextCode) })
	_ = FromDirectory(Divisions, "children", "Division", func(d *Directory, x *Division) any { return d.Children(x.Code) })
	_ = FromDirectory(Communities, "division", "Division", func(d *Directory, c *Community) any {
		if div := d.division(c.DivisionCode); div != nil {
			return div
		}
		return d.division(&c.ParentCode)
	})
	_ = register(&Link{Parent: "Division", Field: "communities", Child: "Community",
		check: func(_ *Ask, args map[string]any) error {
			_, err := Communities.NewList("", nil, OrderArg(args), PageArgs(args))
			return err
		},
		local: func(ask *Ask, n Node, args map[string]any) (any, error) {
			list, err := Communities.NewList("Division.communities "+n.Base().Owner, nil, OrderArg(args), PageArgs(args))
			if err != nil {
				return nil, err
			}
			return ask.Directory.Page(ask, list, ask.Directory.Under(n.Base().Owner))
		}})
)

// Directory is an unchanging picture of the gateway's own small database: divisions and
// communities. Rows it hands out are copies, free to be linked by one request.
type Directory struct {
	divisions   map[string]*Division
	children    map[string][]string // codes by parent, sorted
	communities map[string]*Community
	slugs       []string // sorted
	calendar    Calendar
	festivals   map[string][]scalar.Date
}

// LoadDirectory reads the directory database.
func LoadDirectory(ctx context.Context, src Source, ask *Ask) (*Directory, error) {
	divisions, err := Divisions.all(ctx, src, ask)
	if err != nil {
		return nil, err
	}
	communities, err := Communities.all(ctx, src, ask)
	if err != nil {
		return nil, err
	}
	d := &Directory{
		divisions:   make(map[string]*Division, len(divisions)),
		children:    map[string][]string{},
		communities: make(map[string]*Community, len(communities)),
	}
	for _, x := range divisions { // ordered by code
		d.divisions[x.Code] = x
		if x.ParentOf != nil {
			d.children[*x.ParentOf] = append(d.children[*x.ParentOf], x.Code)
		}
	}
	for _, c := range communities { // ordered by slug
		d.communities[c.Owner] = c
		d.slugs = append(d.slugs, c.Owner)
	}
	if d.calendar, err = loadCalendar(ctx, src); err != nil {
		return nil, err
	}
	d.festivals, err = loadFestivals(ctx, src)
	return d, err
}

// all reads every row in the order of owner and id.
func (t *Table[T]) all(ctx context.Context, src Source, ask *Ask) ([]*T, error) {
	var w Where
	s := t.selection(ask, &w, order[T]{}, nil)
	s.query.SQL = "SELECT " + s.list + " FROM " + t.Table + " t WHERE " + w.String() + ` ORDER BY t.owner COLLATE "C", t.id`
	s.query.Args = w.args
	var rows []*T
	r := t.reader(s.cols, ask.Log)
	err := each(ctx, src, s.query, func(rs *sql.Rows) error {
		row, err := r.read(rs)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

// Slugs returns every community's slug, sorted. The slice must not be changed.
func (d *Directory) Slugs() []string { return d.slugs }

// Community returns a community by slug, nil when there is none.
func (d *Directory) Community(slug string) *Community {
	c, ok := d.communities[slug]
	if !ok {
		return nil
	}
	row := *c
	return &row
}

// Division returns a division by its 12-digit code, nil when there is none.
func (d *Directory) Division(code string) *Division { return d.division(&code) }

func (d *Directory) division(code *string) *Division {
	if code == nil {
		return nil
	}
	x, ok := d.divisions[*code]
	if !ok {
		return nil
	}
	row := *x
	return &row
}

// Children returns the divisions directly below a code, by code.
func (d *Directory) Children(code string) []*Division {
	out := []*Division{}
	for _, c := range d.children[code] {
		out = append(out, d.Division(c))
	}
	return out
}

// Holds reports whether owner is a community or a division of the directory.
func (d *Directory) Holds(owner string) bool {
	return d.communities[owner] != nil || d.divisions[owner] != nil
}

// Under returns the slugs of the communities of a division and of all divisions below it,
// sorted. A community lies under its street and, when its own code is known, under that.
func (d *Directory) Under(code string) []string {
	var out []string
	for _, slug := range d.slugs {
		c := d.communities[slug]
		own := c.DivisionCode != nil && *c.DivisionCode == code
		for at := &c.ParentCode; !own && at != nil; {
			if own = *at == code; own {
				break
			}
			x := d.divisions[*at]
			if x == nil {
				break
			}
			at = x.ParentOf
		}
		if own {
			out = append(out, slug)
		}
	}
	return out
}

// above returns, for each owner, the code of the division that a dimension cuts by, nil where
// the directory knows none.
func (d *Directory) above(owners []string, place dimensionPlace) []*string {
	level := scalar.Enum("STREET")
	if place == ofDistrict {
		level = "DISTRICT"
	}
	codes := make([]*string, len(owners))
	for i, o := range owners {
		at := &o
		if c := d.communities[o]; c != nil {
			at = &c.ParentCode
		}
		for at != nil {
			x := d.divisions[*at]
			if x == nil {
				break
			}
			if x.Level == level {
				codes[i] = &x.Code
				break
			}
			at = x.ParentOf
		}
	}
	return codes
}

// Page pages through communities that lie in the directory, without a statement.
func (d *Directory) Page(ask *Ask, list *List[Community], slugs []string) (*CommunityConnection, error) {
	rows := make([]*Community, 0, len(slugs))
	for _, s := range slugs {
		rows = append(rows, d.Community(s))
	}
	return PageOf(ask, list, rows, &page.Coverage{})
}

// CommunityFilter narrows the list of communities; the directory is in memory, so it
// matches rows rather than writing SQL.
type CommunityFilter struct {
	Divisions    []string
	NameContains *string
}

// Match reports whether a community passes the filter.
func (f *CommunityFilter) Match(d *Directory, slug string) bool {
	if f == nil {
		return true
	}
	c := d.communities[slug]
	if f.NameContains != nil && !strings.Contains(c.NameZh, *f.NameContains) {
		return false
	}
	if f.Divisions == nil {
		return true
	}
	return slices.ContainsFunc(f.Divisions, func(code string) bool { return slices.Contains(d.Under(code), slug) })
}

// Where does nothing: the filter is applied in memory.
func (f *CommunityFilter) Where(*Where, *Ask) error { return nil }
