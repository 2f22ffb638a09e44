package store

import (
	"database/sql"
	"slices"

	"linhui/internal/authz"
	"linhui/internal/database"
	"linhui/internal/fault"
	"linhui/page"
	"linhui/schema/scalar"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

const (
	// Chosen: what people answer on a phone.
	surveyTitleLength, questionLength, optionLength, answerLength = 60, 200, 60, 500
	questionsAtMost, optionsAtMost                                = 30, 20
)

// Survey is a questionnaire.
type Survey struct {
	Row
	TitleZh       string            `db:"title_zh"`
	IntroZh       *string           `db:"intro_zh"`
	DriveID       *uuid.UUID        `db:"drive_id" for:"drive"`
	OpensOn       scalar.Date       `db:"opens_on"`
	ClosesOn      scalar.Date       `db:"closes_on"`
	Status        scalar.Enum       `db:"status"`
	MinGroupSize  int               `db:"min_group_size"`
	ResponseCount int               `db:"response_count"`
	Version       int               `db:"version"`
	Provenance    scalar.Provenance `db:"provenance"`
}

// SurveyQuestion is a question of a survey.
type SurveyQuestion struct {
	Row
	SurveyID uuid.UUID   `db:"survey_id"`
	Order    int         `db:"ordinal"`
	TextZh   string      `db:"text_zh"`
	Kind     scalar.Enum `db:"kind"`
}

// SurveyOption is an answer that can be chosen; how often it was is in the results alone.
type SurveyOption struct {
	Row
	QuestionID uuid.UUID `db:"question_id"`
	Order      int       `db:"ordinal"`
	LabelZh    string    `db:"label_zh"`
}

// SurveyResult is how often an answer was chosen, as far as the view tells it.
type SurveyResult struct {
	Row
	SurveyID   uuid.UUID `db:"survey_id"`
	Ordinal    int       `db:"ordinal"`
	QuestionZh string    `db:"question_zh"`
	AnswerZh   string    `db:"answer_zh"`
	Count      *int      `db:"count"`
	Suppressed bool      `db:"suppressed"`
}

// SurveyText is what somebody wrote; its rows are restricted.
type SurveyText struct {
	Row
	Text *string `db:"text"`
}

type (
	SurveyConnection     = page.Connection[Survey]
	SurveyEdge           = page.Edge[Survey]
	SurveyTextConnection = page.Connection[SurveyText]
	SurveyTextEdge       = page.Edge[SurveyText]
)

var (
	Surveys = Define[Survey](Spec{Type: "Survey", Table: "surveys", Published: "t.status <> 'DRAFT'",
		Orders:  map[string][]string{"OPENS_ON": {"opens_on"}, "CLOSES_ON": {"closes_on"}, "TITLE": {"title_zh"}},
		Default: []string{"opens_on"}, DefaultDesc: true})
	SurveyQuestions = Define[SurveyQuestion](Spec{Type: "SurveyQuestion", Table: "survey_questions", Default: []string{"ordinal"},
		Published: "EXISTS (SELECT FROM surveys s WHERE s.owner = t.owner AND s.id = t.survey_id AND s.status <> 'DRAFT')"})
	SurveyOptions = Define[SurveyOption](Spec{Type: "SurveyOption", Table: "survey_options", Default: []string{"ordinal"},
		Published: "EXISTS (SELECT FROM survey_questions q JOIN surveys s ON s.owner = q.owner AND s.id = q.survey_id WHERE q.owner = t.owner AND q.id = t.question_id AND s.status <> 'DRAFT')"})
	SurveyResults = Define[SurveyResult](Spec{Type: "SurveyResult", Table: "survey_results", Default: []string{"ordinal"}})
	SurveyTexts   = Define[SurveyText](Spec{Type: "SurveyText", Table: "survey_texts", Restricted: true,
		Visible: "EXISTS (SELECT FROM surveys s WHERE s.owner = t.owner AND s.id = t.survey_id AND s.status = 'CLOSED' AND s.response_count >= s.min_group_size)"})
)

var (
	_ = HasPage(Communities, Surveys, Children{Field: "surveys"})
	_ = HasMany(OpinionDrives, Surveys, Children{Field: "surveys", By: "drive_id"})
	_ = HasOne(Surveys, "drive", OpinionDrives, "drive_id")
	_ = HasMany(Surveys, SurveyQuestions, Children{Field: "questions", By: "survey_id"})
	_ = HasMany(Surveys, SurveyResults, Children{Field: "results", By: "survey_id"})
	_ = HasMany(SurveyQuestions, SurveyOptions, Children{Field: "options", By: "question_id"})
	_ = HasPage(SurveyQuestions, SurveyTexts, Children{Field: "texts", By: "question_id"})
)

// SurveyFilter narrows a list of surveys.
type SurveyFilter struct {
	Status        []scalar.Enum
	Drive         *string
	TitleContains *string
}

func (f *SurveyFilter) Where(w *Where, _ *Ask) error {
	w.AnyOf("t.status", f.Status)
	w.Contains("t.title_zh", f.TitleContains)
	return w.Refers("t.drive_id", f.Drive, OpinionDrives, "filter", "drive")
}

// SurveyLife is how a survey opens and closes. Answering is no step of it, and leaves no log: see AnswerSurveyInput.
var SurveyLife = &Machine[Survey]{
	Table: Surveys, Topic: "survey",
	State: func(s *Survey) (scalar.Enum, int) { return s.Status, s.Version },
	Transitions: []Transition[Survey]{
		{"draft", nil, "DRAFT", Holding[Survey](authz.CommunityStaff), nil},
		{"open", In("DRAFT"), "OPEN", Holding[Survey](authz.CommunityStaff), func(ask *Ask, s *Survey) error {
			if s.ClosesOn.Compare(scalar.DateOf(ask.Viewer.At)) < 0 {
				return fault.Newf(fault.InvalidTransition, "the day it was to close on has passed").With("allowed", []string{})
			}
			return nil
		}},
		{"close", In("OPEN"), "CLOSED", Holding[Survey](authz.CommunityStaff), nil},
	},
	Rules: Rules{
		"surveys_owner_drive_id_fkey":  missing("drive"),
		"surveys_min_group_size_check": fault.Newf(fault.BadUserInput, "results are public: no group of fewer than 10").At("minGroupSize"),
		"closes_after_it_opens":        fault.Newf(fault.BadUserInput, "it closes on or after the day it opens").At("closesOn"),
	},
}

// A survey closes after its last day.
var _ = keeps(Chore{Name: "surveys", AtOnce: 100, Do: func(r *Round) (int, error) {
	return r.take(func(owner string, id uuid.UUID) (Command, error) {
		in := CloseSurvey{StepSurveyInput{Edit{ID: page.ID{Type: Surveys.Type, Owner: owner, UUID: id}.String()}}}
		return in.Command(r.Ask)
	}, `SELECT owner, id FROM surveys WHERE owner = ANY($1) AND status = 'OPEN' AND closes_on < $2 ORDER BY owner, id LIMIT $3 FOR UPDATE SKIP LOCKED`,
		pq.Array(r.Owners), scalar.DateOf(r.Ask.Viewer.At), r.AtOnce)
}})

// SurveyPayload answers a step of a survey.
type SurveyPayload struct {
	Survey     *Survey
	UserErrors []UserError
}

// SurveyQuestionInput is a question to be.
type SurveyQuestionInput struct {
	TextZh  string
	Kind    scalar.Enum
	Options []string
}

// DraftSurveyInput writes a survey.
type DraftSurveyInput struct {
	Community, TitleZh string
	IntroZh, Drive     *string
	OpensOn, ClosesOn  scalar.Date
	MinGroupSize       int
	Questions          []*SurveyQuestionInput
	IdempotencyKey     string
}

func (in *DraftSurveyInput) Command(ask *Ask) (Command, error) {
	owner, err := ask.OwnerOf(in.Community, "community")
	if err != nil {
		return Command{}, err
	}
	c, err := SurveyLife.Begin("draft", owner, in.IdempotencyKey, in, func(tx *Tx) (Change, error) {
		form := tx.Form()
		form.Public("title_zh", in.TitleZh, surveyTitleLength, "titleZh")
		form.OptionalPublic("intro_zh", in.IntroZh, textLength, "introZh")
		form.Refer("drive_id", in.Drive, OpinionDrives.Type, "drive")
		form.Set("opens_on", in.OpensOn)
		form.Set("closes_on", in.ClosesOn)
		form.Set("min_group_size", in.MinGroupSize)
		if len(in.Questions) == 0 || len(in.Questions) > questionsAtMost {
			form.Fail(fault.Newf(fault.BadUserInput, "one to %d questions", questionsAtMost).At("questions"))
		}
		for _, q := range in.Questions {
			q.check(form)
		}
		return form.Done()
	})
	if err != nil {
		return c, err
	}
	draft := c.Do
	c.Do = func(tx *Tx) error {
		if err := draft(tx); err != nil {
			return err
		}
		for i, q := range in.Questions {
			if err := q.add(tx, i+1); err != nil {
				return err
			}
		}
		return nil
	}
	return c, nil
}

func (q *SurveyQuestionInput) check(form *Form) {
	var least, most int
	switch q.Kind {
	case "SINGLE", "MULTIPLE":
		least, most = 2, optionsAtMost
	case "TEXT":
	default:
		form.Fail(fault.Newf(fault.BadUserInput, "one of SINGLE, MULTIPLE, TEXT").At("questions", "kind"))
	}
	if n := len(q.Options); n < least || n > most {
		form.Fail(fault.Newf(fault.BadUserInput, "%d to %d options", least, most).At("questions", "options"))
	}
	for i, o := range q.Options {
		if slices.Contains(q.Options[:i], o) {
			form.Fail(fault.Newf(fault.BadUserInput, "options are all different").At("questions", "options"))
		}
	}
}

func (q *SurveyQuestionInput) add(tx *Tx, ordinal int) error {
	question, err := uuid.NewV7()
	if err != nil {
		return err
	}
	form := tx.Form()
	form.Public("text_zh", q.TextZh, questionLength, "questions", "textZh")
	form.Set("kind", q.Kind)
	form.Set("survey_id", tx.ID)
	form.Set("ordinal", ordinal)
	change, err := form.Done()
	if err != nil {
		return err
	}
	if err := tx.Insert(SurveyQuestions.Table, question, change.Set); err != nil {
		return err
	}
	for i, label := range q.Options {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		form := tx.Form()
		form.Public("label_zh", label, optionLength, "questions", "options")
		form.Set("question_id", question)
		form.Set("ordinal", i+1)
		change, err := form.Done()
		if err != nil {
			return err
		}
		if err := tx.Insert(SurveyOptions.Table, id, change.Set); err != nil {
			return err
		}
	}
	return nil
}

// StepSurveyInput is a step that needs nothing but itself.
type StepSurveyInput struct{ Edit }

// OpenSurvey and CloseSurvey are the inputs of their steps.
type (
	OpenSurvey  struct{ StepSurveyInput }
	CloseSurvey struct{ StepSurveyInput }
)

func (in *OpenSurvey) Command(*Ask) (Command, error)  { return in.step("open", in) }
func (in *CloseSurvey) Command(*Ask) (Command, error) { return in.step("close", in) }

func (in *StepSurveyInput) step(action string, input any) (Command, error) {
	return SurveyLife.Take(action, in.Edit, input, func(*Tx, *Survey) (Change, error) {
		return Change{}, nil
	})
}

// SurveyAnswerInput answers a question.
type SurveyAnswerInput struct {
	Question string
	Options  []string
	Text     *string
}

// AnswerSurveyInput answers a survey. What is written is that the resident took part, one more for each option chosen, and
// each text alone. No log, event or idempotency key holds the answers, not even a digest of them, which could be guessed.
type AnswerSurveyInput struct {
	ID             string
	Answers        []*SurveyAnswerInput
	IdempotencyKey string
}

func (in *AnswerSurveyInput) Command(*Ask) (Command, error) {
	id, err := page.ParseID(in.ID)
	switch {
	case err != nil:
		return Command{}, fault.Of(err).At("id")
	case id.Type != Surveys.Type:
		return Command{}, fault.Newf(fault.BadUserInput, "the id is not one of a %s", Surveys.Type).At("id")
	case in.IdempotencyKey == "":
		return Command{}, fault.Newf(fault.BadUserInput, "an idempotency key is needed: any text that is new for each thing you make").At("idempotencyKey")
	}
	return Command{Operation: "answerSurvey", Owner: id.Owner, ID: id.UUID, Key: in.IdempotencyKey, Input: in.ID, Do: in.answer, Rules: Rules{
		"survey_participants_pkey":                 fault.Newf(fault.Conflict, "you have answered this survey").At("id"),
		"survey_is_open":                           notOpen,
		"survey_participants_owner_survey_id_fkey": notFound,
	}}, nil
}

var notOpen = fault.Newf(fault.InvalidTransition, "the survey is not open for answers").At("id")

func (in *AnswerSurveyInput) answer(tx *Tx) error {
	owner, resident, ok := Self(tx.Ask.Viewer)
	if !ok || owner != tx.Owner {
		return fault.Newf(fault.Forbidden, "residents of the community answer its surveys")
	}
	// Taking part comes first: it locks the survey and counts, and refuses who was here before.
	if _, err := tx.exec("INSERT INTO survey_participants (owner, survey_id, resident_id) VALUES ($1, $2, $3)", tx.Owner, tx.ID, resident); err != nil {
		return err
	}
	s, err := lock(tx, Surveys, tx.ID)
	if err != nil {
		return err
	}
	if today := scalar.DateOf(tx.Now()); today.Compare(s.OpensOn) < 0 || today.Compare(s.ClosesOn) > 0 {
		return notOpen
	}
	asked, err := askedIn(tx)
	if err != nil {
		return err
	}
	for _, a := range in.Answers {
		if err := a.count(tx, asked); err != nil {
			return err
		}
	}
	for _, q := range asked {
		if q.kind == "SINGLE" && !q.answered {
			return fault.Newf(fault.BadUserInput, "each question with one choice needs an answer").At("answers")
		}
	}
	return nil
}

// question is one of the survey while it is answered.
type question struct {
	kind     string
	options  []uuid.UUID
	answered bool
}

func askedIn(tx *Tx) (map[uuid.UUID]*question, error) {
	asked := map[uuid.UUID]*question{}
	q := database.Query{SQL: `SELECT q.id, q.kind, o.id FROM survey_questions q LEFT JOIN survey_options o ON o.owner = q.owner AND o.question_id = q.id
		WHERE q.owner = $1 AND q.survey_id = $2`, Args: []any{tx.Owner, tx.ID}}
	err := each(tx.ctx, tx, q, func(rs *sql.Rows) error {
		var id uuid.UUID
		var kind string
		var option uuid.NullUUID
		if err := rs.Scan(&id, &kind, &option); err != nil {
			return err
		}
		if asked[id] == nil {
			asked[id] = &question{kind: kind}
		}
		if option.Valid {
			asked[id].options = append(asked[id].options, option.UUID)
		}
		return nil
	})
	return asked, err
}

// count writes an answer to one of the questions.
func (a *SurveyAnswerInput) count(tx *Tx, asked map[uuid.UUID]*question) error {
	id, err := Refer(a.Question, tx.Owner, SurveyQuestions.Type, "answers", "question")
	if err != nil {
		return err
	}
	q := asked[id]
	if q == nil || q.answered {
		return fault.Newf(fault.BadUserInput, "a question of this survey, answered once").At("answers", "question")
	}
	q.answered = true
	if q.kind == "TEXT" {
		form := tx.Form()
		form.OptionalText("text", a.Text, answerLength, "answers", "text")
		form.Set("survey_id", tx.ID)
		form.Set("question_id", id)
		change, err := form.Done()
		if err != nil || change.Set["text"] == nil {
			return err
		}
		return tx.Insert(SurveyTexts.Table, uuid.New(), change.Set)
	}
	if len(a.Options) == 0 || q.kind == "SINGLE" && len(a.Options) > 1 {
		return fault.Newf(fault.BadUserInput, "one option, or several where several may be chosen").At("answers", "options")
	}
	var chosen []uuid.UUID
	for _, o := range a.Options {
		option, err := Refer(o, tx.Owner, SurveyOptions.Type, "answers", "options")
		if err != nil {
			return err
		}
		if !slices.Contains(q.options, option) || slices.Contains(chosen, option) {
			return fault.Newf(fault.BadUserInput, "options of the question, each once").At("answers", "options")
		}
		chosen = append(chosen, option)
	}
	_, err = tx.exec("UPDATE survey_options SET chosen = chosen + 1 WHERE owner = $1 AND id = ANY($2)", tx.Owner, pq.Array(chosen))
	return err
}
