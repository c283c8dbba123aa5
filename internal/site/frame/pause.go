package frame

import (
	"net/http"

	"countersign/internal/base/errs"
)

// pause takes requests off a page that could send none now, and says why (decision 13); and why a proof is asked for
// again.
func (p *Pages) pause(page *Prove, v view, r *http.Request) error {
	if r.URL.Query().Get("again") != "" {
		page.Notice = errs.New(errs.Unproved, "frame.again")
	}
	if !page.Push || page.Bar != nil && page.Bar.Tone == Going {
		return nil
	}
	err := p.SignIn.MaySend(r.Context(), v.Session)
	if err == nil {
		return nil
	}
	if errs.KindOf(err) != errs.Limited {
		return err
	}
	page.Notice, page.CodeOpen, page.Push = errs.Of(err), true, false
	if page.Bar != nil {
		page.Bar.Again = ""
	}
	return nil
}
