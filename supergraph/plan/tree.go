package plan

import (
	"encoding/json"

	"github.com/vektah/gqlparser/v2/ast"
)

// Plan says which subgraphs answer an operation, in what order, and how their answers become one tree
// ("the merged data"). It is immutable and may be shared by any number of executions.
//
// The merged data is keyed by the client's response keys. It may hold more than the client asked for: keys,
// required fields and __typename, some under keys that begin with "_linhui_". What the client sees
// is made from it by walking Document: order of fields, @skip and @include, null propagation and
// __typename of the root are the executor's. __typename of an object in the merged data stands under the
// key "__typename" wherever the client's type is abstract; elsewhere it follows from the schema.
// __schema and __type are not planned.
type Plan struct {
	// Kind is query, mutation or subscription.
	Kind ast.Operation `json:"kind"`
	// Root is nil when there is nothing to fetch (only __typename or introspection was asked for).
	Root Node `json:"root,omitempty"`
	// Document holds the planned operation and the fragments it uses, validated against the API schema.
	Document *ast.QueryDocument `json:"-"`
	// Refused are the fields of Document that are not asked for, because the viewer may not see them.
	Refused map[*ast.Field]bool `json:"-"`
	// Fetches is the number of calls made when every condition holds and no path is empty.
	Fetches int `json:"fetches"`
}

// Operation is the operation that was planned.
func (p *Plan) Operation() *ast.OperationDefinition { return p.Document.Operations[0] }

// Node is one of *Sequence, *Parallel, *Fetch, *Flatten, *Condition, *BatchFetch and *Subscription.
type Node interface {
	json.Marshaler
	print(p *printer)
}

// Sequence runs its nodes one after another. It is the law for the root fetches of a mutation, which DependsOn does
// not order; elsewhere a fetch may start as soon as those that it depends on have been merged.
type Sequence struct{ Nodes []Node }

// Parallel runs its nodes at once.
type Parallel struct{ Nodes []Node }

// Condition runs Then when the boolean variable is true, else Else. Either may be nil.
type Condition struct {
	Variable string // without "$"
	Then     Node
	Else     Node
}

// Flatten runs its fetch for all objects that the path leads to.
//
// A Fetch with Requires is an entity fetch: a representation is made of every object, equal ones are sent
// once, and each element of _entities is merged into the objects its representation was made of.
// A Fetch without Requires (the path leads to an object of the Query type) is sent once, and its answer is merged into
// every object.
type Flatten struct {
	Path  Path
	Fetch *Fetch
}

// Subscription opens a stream with Primary; Rest, which may be nil, is run over each of its events.
type Subscription struct {
	Primary *Fetch
	Rest    Node
}

// Path leads from the root of the merged data to objects. It prints as "users.@.reviews.@|[Book,Film]".
type Path []Step

// Step is one element of a Path: exactly one of its fields is set.
type Step struct {
	Key   string   `json:"key,omitempty"`   // the field of this response key
	Each  bool     `json:"each,omitempty"`  // every element of a list ("@"), one for each level of list
	Types []string `json:"types,omitempty"` // go on only with objects whose __typename is one of these
}

// Fetch is one call of one subgraph.
type Fetch struct {
	ID            int // unique in the plan, from 1 in the order of the tree
	Subgraph      string
	Kind          ast.Operation
	Document      string   // ready to send, minified
	OperationName string   // as it stands in Document; empty when the client's operation has no name
	Variables     []string // the client's variables that Document declares, in its order
	// Requires says what a representation is made of. When it is set, Document declares $representations
	// and the answer is the list _entities; otherwise the answer is merged where the fetch stands.
	// An object takes the first entry that fits its type; one that fits none is not asked for.
	Requires  []RequiredSelection
	Rewrites  []Rewrite // done on the answer before it is merged; in order
	DependsOn []int     // the fetches whose answers this one's path and representations are made of
}

// RequiredSelection is what a representation of an object is made of.
type RequiredSelection struct {
	// Types are the values of __typename that the entry fits. Empty: every object, also one whose
	// __typename is not known.
	Types []string `json:"types,omitempty"`
	// TypeName is the __typename that is sent. Empty: the object's own.
	TypeName string          `json:"typeName,omitempty"`
	Fields   []RequiredField `json:"fields"`
	// Partly says that some of what is asked for needs the key alone: an object that lacks another field is asked for
	// nonetheless, with null in its place, and what the answer holds under that field's For is left out.
	Partly bool `json:"partly,omitempty"`
}

// RequiredField is one field of a representation. An object in whose merged data Key is absent is not asked
// for at all, unless Partly says otherwise; null is sent as null, except that a representation all of whose top-level key fields are
// null is not sent.
type RequiredField struct {
	Key  string `json:"key"`  // where its value stands in the merged data
	Name string `json:"name"` // its name in the representation
	// Fields are the parts that are sent of an object, or of every object of a list; nil for scalars and enums.
	Fields []RequiredField `json:"fields,omitempty"`
	// Types, when not empty, limits the field to objects of these types: others leave it out.
	Types []string `json:"types,omitempty"`
	// IsKey tells a field of the entity's key from one named by @requires.
	IsKey bool `json:"isKey,omitempty"`
	// For are the response keys of the fields that require it.
	For []string `json:"for,omitempty"`
}

// Rewrite renames a key of an answer, for fields that could not be asked for under the client's key. Where To
// is there already, objects are merged with it and anything else replaces it.
type Rewrite struct {
	Path Path   `json:"path"` // from the root of the answer, or from each element of _entities
	From string `json:"from"`
	To   string `json:"to"`
}

// BatchFetch answers several Flatten targets of one subgraph by one call: Document asks for _entities once a target.
// When all targets turn out empty there is no call; a target that is empty sends an empty list.
type BatchFetch struct {
	ID            int
	Subgraph      string
	Document      string
	OperationName string
	Variables     []string
	Targets       []BatchTarget
	DependsOn     []int
}

// BatchTarget is one _entities of a BatchFetch. Objects of all Paths share one list of representations.
type BatchTarget struct {
	Alias    string // of _entities in the answer
	Variable string // of the representations in Document
	Paths    []Path
	Requires []RequiredSelection
	Rewrites []Rewrite
}
