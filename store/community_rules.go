package store

import (
	"errors"

	"linhui/internal/authz"
	"linhui/internal/fault"
	"linhui/schema/scalar"
)

// CommunityRuleLife has one action: a rule is adopted.
var CommunityRuleLife = &Machine[CommunityRule]{
	Table: CommunityRules, Topic: "community-rule",
	Transitions: []Transition[CommunityRule]{{"adopt", nil, "", Holding[CommunityRule](authz.CommunityStaff), nil}},
}

// CommunityRulePayload answers the adoption of a rule.
type CommunityRulePayload struct {
	Rule       *CommunityRule
	UserErrors []UserError
}

// AdoptRuleInput writes down a rule, and for which request it was made.
type AdoptRuleInput struct {
	Community, TitleZh string
	Rrule, WhenZh      *string
	AdoptedOn          *scalar.Date
	AdoptedBy          string
	Request            *string
	IdempotencyKey     string
}

func (in *AdoptRuleInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	c, err := CommunityRuleLife.Begin("adopt", owner, in.IdempotencyKey, in, in.adopt)
	if err != nil || in.Request == nil {
		return c, err
	}
	if _, err := Refer(*in.Request, owner, ServiceRequests.Type, "request"); err != nil {
		return Command{}, err
	}
	link, err := ServiceRequestLife.Take("adoptRule", Edit{ID: *in.Request}, in, func(*Tx, *ServiceRequest) (Change, error) {
		return Change{Set: Values{"rule_id": c.ID}}, nil
	})
	adopt := c.Do
	c.Do = func(tx *Tx) error {
		if err := adopt(tx); err != nil {
			return err
		}
		err := link.Do(tx)
		if f := (*fault.Error)(nil); errors.As(err, &f) {
			return f.At("request")
		}
		return err
	}
	return c, err
}

func (in *AdoptRuleInput) adopt(tx *Tx) (Change, error) {
	form, today := tx.Form(), scalar.DateOf(tx.Now())
	form.Public("title_zh", in.TitleZh, ruleLength, "titleZh")
	form.Public("adopted_by", in.AdoptedBy, titleLength, "adoptedBy")
	form.Set("adopted_on", today)
	if in.AdoptedOn != nil {
		form.Set("adopted_on", *in.AdoptedOn)
		if in.AdoptedOn.Compare(today) > 0 {
			form.Fail(fault.Newf(fault.BadUserInput, "what is adopted has been: today or before").At("adoptedOn"))
		}
	}
	if in.Rrule != nil {
		if _, err := parseDayRule(*in.Rrule, today, 0); err != nil {
			form.Fail(fault.Newf(fault.BadUserInput, "no rule of days: %v", err).At("rrule"))
		}
	}
	if in.WhenZh != nil {
		form.text(*in.WhenZh, ruleLength, []string{"whenZh"})
		form.Fail(CheckPublic(*in.WhenZh, "whenZh"))
	}
	if in.Rrule != nil || in.WhenZh != nil {
		form.Set("recurrence", JSON{scalar.Recurrence{Rrule: in.Rrule, Zh: in.WhenZh, TimeZone: "Asia/Shanghai"}})
	}
	return form.Done()
}
