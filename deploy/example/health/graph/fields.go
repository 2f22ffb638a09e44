package graph

import "slices"

// object is a value of an object type: field answers its fields by name with a string, a *string,
// an object, a list of objects, or nil.
type object struct {
	typ   string
	field func(name string, args map[string]any) any
}

var weekdays = []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"}

// answers has the clinics that a request needs.
type answers []*clinic

func (a answers) clinic(c *clinic) object {
	return object{"Clinic", func(name string, args map[string]any) any {
		switch name {
		case "id":
			return c.ID
		case "nameZh":
			return c.NameZh
		case "nameEn":
			return c.NameEn
		case "kind":
			return c.Kind
		case "phone":
			return c.Phone
		case "community":
			return a.community(c.Community)
		case "station":
			if c.Station != nil {
				return a.station(*c.Station)
			}
		case "consultingHours":
			list := []object{}
			for _, h := range c.Hours {
				if chosen(args["weekday"], weekdays[h.Weekday]) {
					list = append(list, h.object())
				}
			}
			return list
		}
		return nil
	}}
}

func (h hours) object() object {
	return object{"ConsultingHours", func(name string, _ map[string]any) any {
		return map[string]any{"weekday": weekdays[h.Weekday], "opens": h.Opens, "closes": h.Closes,
			"department": h.Department, "doctor": h.Doctor}[name]
	}}
}

// community is known by its key: the rest of it is another graph's.
func (a answers) community(slug string) object {
	return object{"Community", func(name string, args map[string]any) any {
		if name == "slug" {
			return slug
		}
		return a.list(args, func(c *clinic) bool { return c.Community == slug })
	}}
}

func (a answers) station(id string) object {
	return object{"Station", func(name string, args map[string]any) any {
		if name == "id" {
			return id
		}
		return a.list(args, func(c *clinic) bool { return c.Station != nil && *c.Station == id })
	}}
}

// list is a list of clinics, with its argument kind.
func (a answers) list(args map[string]any, of func(*clinic) bool) []object {
	list := []object{}
	for _, c := range a {
		if of(c) && chosen(args["kind"], c.Kind) {
			list = append(list, a.clinic(c))
		}
	}
	return list
}

// chosen reports whether an argument that lists values holds one, or is not given.
func chosen(arg any, value string) bool {
	list, given := arg.([]any)
	return !given || slices.Contains(list, any(value))
}

// entity is what a representation stands for; nil when there is no such thing.
func (a answers) entity(rep map[string]any) any {
	id, _ := rep["id"].(string)
	slug, _ := rep["slug"].(string)
	switch rep["__typename"] {
	case "Community":
		return a.community(slug)
	case "Station":
		return a.station(id)
	}
	for _, c := range a {
		if c.ID == id {
			return a.clinic(c)
		}
	}
	return nil
}

// add notes what a representation needs.
func (w *wanted) add(rep map[string]any) {
	id, _ := rep["id"].(string)
	slug, _ := rep["slug"].(string)
	switch rep["__typename"] {
	case "Community":
		w.communities = append(w.communities, slug)
	case "Station":
		w.stations = append(w.stations, id)
	case "Clinic":
		w.ids = append(w.ids, id)
	}
}
