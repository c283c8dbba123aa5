package prompt_test

import (
	"html"
	"strings"
	"testing"

	"countersign/internal/domain/account"
	"countersign/internal/flow"
)

// RULE-43: the wrong code that turns the codes off says so; the list of ways has the requests only.
func TestTheLastGuessLeavesTheOtherWays(t *testing.T) {
	p, d, enter := entering(t)
	if err := p.DB.Write(t.Context(), func(st flow.Store) error {
		for range 99 {
			g := account.Guess{On: account.App, ID: d.Account().AccountID, Chance: 1, Time: p.Clock.Now()}
			if _, _, err := st.CountGuess(t.Context(), g); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	v := enter()
	path := v.At.Path
	v.Open(path + "/ways")
	if !strings.Contains(v.Page, "Code from the app") {
		t.Fatalf("no code among the ways: %s", v.Page)
	}
	v.Open(path + "/code")
	v.Send(path+"/code", "code", "000000")
	if v.Screen() != "code" || !strings.Contains(html.UnescapeString(v.Page), "are off. Use another way, or ask the help desk.") {
		t.Errorf("%s: %s", v.Screen(), v.Page)
	}
	v.Open(path + "/ways")
	if strings.Contains(v.Page, "Code from the app") || !strings.Contains(v.Page, path+"/push") {
		t.Errorf("the ways: %s", v.Page)
	}
}
