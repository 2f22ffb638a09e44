package execute

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/supergraph/plan"
)

// claims are those of the viewer of a request. Unless options say otherwise, who has a principal is authenticated, the
// names of roles are scopes, and no policy is met.
func (s *Schema) claims(ctx context.Context) plan.Claims {
	if s.options.Claims != nil {
		return s.options.Claims(ctx)
	}
	v := authz.FromContext(ctx)
	return plan.Claims{Authenticated: v.Principal != "", Scope: func(name string) bool {
		return v.Principal != "" && v.Has(authz.Role(name))
	}}
}

// demands are those of an operation, found once.
func (s *Schema) demands(oc *graphql.OperationContext) []*plan.Demand {
	s.mu.RLock()
	list, known := s.demanded[oc.Operation]
	s.mu.RUnlock()
	if known {
		return list
	}
	list = s.planner.Demands(oc.Doc, oc.OperationName)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.demanded) >= programsMost {
		clear(s.demanded)
	}
	s.demanded[oc.Operation] = list
	return list
}

// programKey tells programs apart: by operation, and by what its viewer may not see of it.
type programKey struct {
	operation *ast.OperationDefinition
	refused   string // a byte for every demand: 'r' when it is refused
	code      fault.Code
}

// permitted is the key of a viewer's program and the demands that the viewer does not meet.
func (s *Schema) permitted(ctx context.Context, oc *graphql.OperationContext) (programKey, []*plan.Demand) {
	key := programKey{operation: oc.Operation}
	demands := s.demands(oc)
	if len(demands) == 0 {
		return key, nil
	}
	c := s.claims(ctx)
	var refused []*plan.Demand
	letters := make([]byte, len(demands))
	for i, d := range demands {
		if letters[i] = '-'; !d.Met(c) {
			letters[i], refused = 'r', append(refused, d)
		}
	}
	if refused != nil {
		if key.refused, key.code = string(letters), fault.Forbidden; !c.Authenticated {
			key.code = fault.Unauthenticated
		}
	}
	return key, refused
}

// refusal is what a viewer is told at a field that is not for them.
func refusal(code fault.Code) *fault.Error {
	if code == fault.Unauthenticated {
		return fault.Newf(code, "this field is for signed-in viewers: send a token in the Authorization header")
	}
	return fault.Newf(fault.Forbidden, "the viewer may not see this field")
}
