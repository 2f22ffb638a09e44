package dataloaders

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/fault"
	"linhui/store"
)

// Check says what is wrong with the arguments of an operation's links: once for the operation,
// where following them would say it for every parent, and before anything is read. A cursor is
// looked at when its parent is known.
func Check(ctx context.Context) error {
	w := newWalk(ctx)
	return w.check(w.oc.Operation.SelectionSet)
}

func (w *walk) check(sels ast.SelectionSet) error {
	for _, sel := range sels {
		var err error
		switch s := sel.(type) {
		case *ast.Field:
			if w.skips(sel, s.Directives, s.ObjectDefinition.Name) {
				continue
			}
			if err = w.checkField(s); err == nil {
				err = w.check(s.SelectionSet)
			}
		case *ast.InlineFragment:
			if !w.skips(sel, s.Directives, s.TypeCondition) {
				err = w.check(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if !w.skips(sel, s.Directives, s.Definition.TypeCondition) {
				err = w.check(s.Definition.SelectionSet)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skips reports whether directives leave a selection on a type out.
func (w *walk) skips(sel ast.Selection, directives ast.DirectiveList, typ string) bool {
	return len(directives) > 0 && len(graphql.CollectFields(w.oc, ast.SelectionSet{sel}, []string{typ})) == 0
}

// checkField checks a field that has arguments; without any, the schema's defaults stand.
func (w *walk) checkField(f *ast.Field) error {
	if len(f.Arguments) == 0 {
		return nil
	}
	typ := f.ObjectDefinition.Name
	link := store.LinkAt(typ, f.Name)
	if link == nil {
		return nil
	}
	args, err := w.args(w.ctx, w.oc, typ, f.Name, f.ArgumentMap(w.oc.Variables))
	if err == nil {
		err = link.Check(w.ask, args)
	}
	if err == nil {
		return nil
	}
	wrong := fault.Of(err)
	if wrong.Code == fault.BadUserInput {
		wrong = fault.Newf(wrong.Code, "%s.%s: %s", typ, f.Name, wrong.Message).At(wrong.Path...)
	}
	return wrong
}
