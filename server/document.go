package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"linhui/internal/fault"
)

// digest is the SHA-256 of a document's text, the name documents go by in caches and logs.
type digest [sha256.Size]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

func parseDigest(s string) (d digest, ok bool) {
	if hex.DecodedLen(len(s)) != len(d) {
		return d, false
	}
	_, err := hex.Decode(d[:], []byte(s))
	return d, err == nil
}

// document is a parsed, guarded and validated text. It is shared by requests and never changed.
type document struct {
	hash digest
	text string
	ast  *ast.QueryDocument
}

// bytes estimates the memory held, rather too much than too little: documents without spaces
// take 36 to 41 bytes a byte of text (measured on heaps of 2,000 of them), formatted ones 24.
func (d *document) bytes() int64 { return 1024 + 40*int64(len(d.text)) }

// operation returns the operation that name picks, or the only one when name is empty.
func (d *document) operation(name string) (*ast.OperationDefinition, *fault.Error) {
	if name == "" {
		if len(d.ast.Operations) == 1 {
			return d.ast.Operations[0], nil
		}
		return nil, fault.Newf(fault.BadUserInput, "the document has several operations: operationName must pick one")
	}
	for _, op := range d.ast.Operations {
		if op.Name == name {
			return op, nil
		}
	}
	return nil, fault.Newf(fault.BadUserInput, "the document has no operation of the name in operationName")
}

// compile parses, guards and validates text.
func compile(schema *ast.Schema, text string, hash digest, l *Limits) (*document, gqlerror.List) {
	parsed, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, l.Tokens)
	if err != nil {
		return nil, syntaxErrors(err, l)
	}
	if len(parsed.Operations) == 0 {
		return nil, gqlerror.List{badInput("the document has no operation")}
	}
	if r := guard(parsed, l); r != nil {
		e := coded(r.Fault())
		e.Locations = []gqlerror.Location{{Line: r.at.Line, Column: r.at.Column}}
		return nil, gqlerror.List{e}
	}
	if errs := validate(schema, parsed, l); len(errs) > 0 {
		return nil, errs
	}
	return &document{hash: hash, text: text, ast: parsed}, nil
}

func syntaxErrors(err error, l *Limits) gqlerror.List {
	var g *gqlerror.Error
	if !errors.As(err, &g) {
		return gqlerror.List{badInput("the document cannot be read")}
	}
	e := badInput(clip(g.Message, l.MessageBytes))
	e.Locations = g.Locations
	return gqlerror.List{e}
}

// ruleSet is gqlparser's default with the rules that suggest names replaced by their silent
// twins: suggestions cost a distance to every name of the schema, and disclose it.
func ruleSet() []core.Rule {
	set := rules.NewDefaultRules()
	list := make([]core.Rule, 0, 27)
	for name, f := range set.GetInner() {
		if !suggests[name] {
			list = append(list, core.Rule{Name: name, RuleFunc: f})
		}
	}
	return append(list, rules.FieldsOnCorrectTypeRuleWithoutSuggestions, rules.ScalarLeafsRuleWithoutSuggestions,
		rules.ValuesOfCorrectTypeRuleWithoutSuggestions, rules.KnownArgumentNamesRuleWithoutSuggestions,
		rules.KnownTypeNamesRuleWithoutSuggestions)
}

var suggests = map[string]bool{"FieldsOnCorrectType": true, "ScalarLeafs": true, "ValuesOfCorrectType": true,
	"KnownArgumentNames": true, "KnownTypeNames": true}

// silentRules is immutable; each validation wraps it afresh because rules keep their state in
// the closures that RuleFunc makes.
var silentRules = ruleSet()

// validate returns at most l.Errors errors; beyond those no message is even formatted.
func validate(schema *ast.Schema, doc *ast.QueryDocument, l *Limits) gqlerror.List {
	found := 0
	set := rules.NewRules()
	for _, r := range silentRules {
		set.AddRule(r.Name, func(o *core.Events, add core.AddErrFunc) {
			r.RuleFunc(o, func(opts ...core.ErrorOption) {
				if found++; found <= l.Errors {
					add(opts...)
				}
			})
		})
	}
	errs := validator.ValidateWithRules(schema, doc, set)
	for i, e := range errs {
		p := badInput(clip(e.Message, l.MessageBytes))
		p.Locations = e.Locations
		errs[i] = p
	}
	return errs
}

// clip shortens s to at most n bytes without splitting a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// badInput is a BAD_USER_INPUT error whose message is published as it stands.
func badInput(message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": string(fault.BadUserInput)}}
}
