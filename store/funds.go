package store

import (
	"time"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/internal/measure"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
)

// Characters that fit. Chosen: a name, and a sentence or two.
const fundNameLength, fundTextLength = 60, 300

// Fund is money for the public good; what it holds is restricted.
type Fund struct {
	Row
	NameZh       string            `db:"name_zh"`
	NameEn       *string           `db:"name_en"`
	Purpose      *string           `db:"purpose"`
	IncomeRuleZh *string           `db:"income_rule_zh"`
	Version      int               `db:"version"`
	Provenance   scalar.Provenance `db:"provenance"`
}

// FundEntry is money that came in or was spent; its rows are restricted and never change.
type FundEntry struct {
	Row
	FundID       uuid.UUID         `db:"fund_id" for:"fund"`
	Amount       scalar.Money      `db:"amount" sql:"jsonb_build_object('amount', t.amount, 'currency', 'CNY')"`
	Fen          int               `db:"fen" sql:"(t.amount * 100)::bigint" for:"amount"` // what lists are ordered by
	Source       scalar.Enum       `db:"source"`
	Purpose      *string           `db:"purpose"`
	ProgrammeID  *uuid.UUID        `db:"programme_id" for:"programme"`
	ReversesID   *uuid.UUID        `db:"reverses_id" for:"reverses"`
	BalanceAfter scalar.Money      `db:"balance_after" sql:"jsonb_build_object('amount', t.balance_after, 'currency', 'CNY')"`
	PostedAt     time.Time         `db:"posted_at"`
	PostedBy     string            `db:"posted_by"`
	Provenance   scalar.Provenance `db:"provenance"`
}

type (
	FundConnection      = page.Connection[Fund]
	FundEdge            = page.Edge[Fund]
	FundEntryConnection = page.Connection[FundEntry]
	FundEntryEdge       = page.Edge[FundEntry]
)

var (
	Funds = Define[Fund](Spec{Type: "Fund", Table: "funds",
		Orders: map[string][]string{"NAME": {"name_zh"}}, Default: []string{"name_zh"}})
	FundEntries = Define[FundEntry](Spec{Type: "FundEntry", Table: "fund_entries", Restricted: true,
		Orders:  map[string][]string{"POSTED_AT": {"posted_at"}, "AMOUNT": {"fen"}},
		Default: []string{"posted_at"}, DefaultDesc: true})
)

var (
	_ = HasPage(Communities, Funds, Children{Field: "funds"})
	_ = HasThrough(Funds, Programmes, Through{Field: "incomeFrom", Table: "fund_programmes", From: "fund_id", To: "programme_id"})
	_ = HasThrough(Programmes, Funds, Through{Field: "proceedsTo", Table: "fund_programmes", From: "programme_id", To: "fund_id"})
	_ = HasValue[*scalar.Money](Funds, Value{Field: "balance", Restricted: true,
		SQL: "(SELECT " + money("f.balance") + " FROM funds f WHERE f.owner = p.owner AND f.id = p.id)"})
	_ = HasPage(Funds, FundEntries, Children{Field: "entries", By: "fund_id"})
	_ = HasOne(FundEntries, "fund", Funds, "fund_id")
	_ = HasOne(FundEntries, "programme", Programmes, "programme_id")
	_ = HasOne(FundEntries, "reverses", FundEntries, "reverses_id")
	_ = HasFirst(FundEntries, FundEntries, Children{Field: "reversedBy", By: "reverses_id"})
)

// FundFilter narrows a list of funds.
type FundFilter struct{ NameContains *string }

func (f *FundFilter) Where(w *Where, _ *Ask) error {
	w.Contains("t.name_zh", f.NameContains)
	return nil
}

// FundEntryFilter narrows a list of entries.
type FundEntryFilter struct {
	Sources         []scalar.Enum
	Fund, Programme *string
	Range           *DateRange
}

func (f *FundEntryFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.source", f.Sources)
	if err := w.Refers("t.fund_id", f.Fund, Funds, "filter", "fund"); err != nil {
		return err
	}
	if err := w.Refers("t.programme_id", f.Programme, Programmes, "filter", "programme"); err != nil {
		return err
	}
	return w.During("t.posted_at", f.Range, "filter", "range")
}

// A reversal takes away from what it undoes, so that income and spending are those that stand.
var _ = DefineCube(Cube{
	Of: FundEntries, Where: "FundEntryFilter", Time: "posted_at", Roles: analysts,
	Dimensions: []Dimension{
		{Name: "FUND", SQL: "t.fund_id", To: Funds},
		{Name: "SOURCE", Column: "source"},
		{Name: "PROGRAMME", SQL: "t.programme_id", To: Programmes},
	},
	Measures: []Measure{
		{Name: "income", Doc: "What came in, less what of it was undone.", Unit: "元", Kind: measure.Sum{Of: "CASE WHEN (t.amount > 0) = (t.reverses_id IS NULL) THEN t.amount END"}},
		{Name: "spending", Doc: "What was spent, less what of it was undone.", Unit: "元", Kind: measure.Sum{Of: "CASE WHEN (t.amount < 0) = (t.reverses_id IS NULL) THEN -t.amount END"}},
		{Name: "balance", Doc: "Income less spending: of all time what the funds hold.", Unit: "元", Kind: measure.Sum{Of: "t.amount"}},
		{Name: "entries", Doc: "Entries, reversals among them.", Unit: "笔", Kind: measure.Count{}},
	},
})

var (
	// FundLife has one action: a fund is opened, and its entries are what happens to it.
	FundLife = &Machine[Fund]{
		Table: Funds, Topic: "fund",
		Transitions: []Transition[Fund]{{"open", nil, "", Holding[Fund](authz.CommunityAdmin), nil}},
		Rules:       Rules{"funds_one_of_a_name": fault.Newf(fault.Conflict, "the community has a fund of this name").At("nameZh")},
	}
	// FundEntryLife posts entries (I19).
	FundEntryLife = &Machine[FundEntry]{
		Table: FundEntries, Topic: "fundEntry",
		Transitions: []Transition[FundEntry]{
			{"post", nil, "", bookkeeper, nil},
			{"reverse", nil, "", bookkeeper, nil},
		},
		Rules: Rules{
			"fund_never_below_zero":                fault.Newf(fault.Conflict, "the fund holds less than that").At("amount"),
			"fund_entries_amount_check":            fault.Newf(fault.BadUserInput, "an entry is of some amount").At("amount"),
			"income_is_positive":                   fault.Newf(fault.BadUserInput, "PUBLIC_GOOD is negative, what comes in is positive").At("amount"),
			"spending_says_what_for":               fault.Newf(fault.BadUserInput, "say what it was spent on").At("purpose"),
			"fund_entry_reversed_once":             fault.Newf(fault.Conflict, "this entry is undone already").At("entry"),
			"reversal_undoes_an_entry":             fault.Newf(fault.Conflict, "a reversal is not undone: post what is right").At("entry"),
			"fund_entries_owner_fund_id_fkey":      missing("fund"),
			"fund_entries_owner_programme_id_fkey": missing("programme"),
		},
	}
	bookkeeper = Holding[FundEntry](authz.CommunityAdmin)
)

// FundPayload answers the opening of a fund.
type FundPayload struct {
	Fund       *Fund
	UserErrors []UserError
}

// FundEntryPayload answers an entry.
type FundEntryPayload struct {
	Entry      *FundEntry
	UserErrors []UserError
}

// OpenFundInput opens an empty fund.
type OpenFundInput struct {
	Community, NameZh, Purpose string
	IncomeRuleZh               *string
	IdempotencyKey             string
}

func (in *OpenFundInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	return FundLife.Begin("open", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Public("name_zh", in.NameZh, fundNameLength, "nameZh")
		form.Public("purpose", in.Purpose, fundTextLength, "purpose")
		form.OptionalPublic("income_rule_zh", in.IncomeRuleZh, fundTextLength, "incomeRuleZh")
		return form.Done()
	})
}

// PostFundEntryInput books money in or out.
type PostFundEntryInput struct {
	Fund           string
	Amount         scalar.Decimal
	Source         scalar.Enum
	Purpose        *string
	Programme      *string
	IdempotencyKey string
}

func (in *PostFundEntryInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Fund)
	if err != nil {
		return Command{}, fault.Of(err).At("fund")
	}
	return FundEntryLife.Begin("post", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("fund_id", &in.Fund, Funds.Type, "fund")
		form.Yuan("amount", in.Amount, "amount")
		form.Set("source", in.Source)
		form.Refer("programme_id", in.Programme, Programmes.Type, "programme")
		form.OptionalPublic("purpose", in.Purpose, fundTextLength, "purpose")
		form.Set("posted_at", tx.Now())
		form.Set("posted_by", tx.Principal())
		return form.Done()
	})
}

// ReverseFundEntryInput undoes an entry.
type ReverseFundEntryInput struct{ Entry, Reason, IdempotencyKey string }

func (in *ReverseFundEntryInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.Entry)
	if err != nil {
		return Command{}, fault.Of(err).At("entry")
	}
	return FundEntryLife.Begin("reverse", id.Owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Refer("reverses_id", &in.Entry, FundEntries.Type, "entry")
		form.Public("purpose", in.Reason, fundTextLength, "reason")
		form.Set("posted_at", tx.Now())
		form.Set("posted_by", tx.Principal())
		change, err := form.Done()
		if err != nil {
			return change, err
		}
		var fund uuid.UUID
		var programme *uuid.UUID
		var source, amount string
		found, err := tx.Get("SELECT fund_id, source, (-amount)::text, programme_id FROM fund_entries WHERE owner = $1 AND id = $2", []any{tx.Owner, id.UUID}, &fund, &source, &amount, &programme)
		if err == nil && !found {
			err = missing("entry")
		}
		change.Set["fund_id"], change.Set["source"], change.Set["amount"], change.Set["programme_id"] = fund, source, amount, programme
		return change, err
	})
}
