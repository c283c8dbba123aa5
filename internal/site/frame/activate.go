package frame

import (
	"net/http"
	"net/url"

	"countersign/internal/domain/activation"
	"countersign/internal/domain/phone"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// showActivate shows the code named in the address as long as it waits or has been claimed; otherwise it makes
// one and names it.
func (c *wizard) showActivate(w http.ResponseWriter, r *http.Request) error {
	if gone, err := c.elsewhere("/install", w, r); gone || err != nil {
		return err
	}
	return c.activatePage(r.URL.Query().Get("code"), r.URL.Query().Get("sent"), false, w, r)
}

func (c *wizard) activatePage(code, sent string, early bool, w http.ResponseWriter, r *http.Request) error {
	page := Activate{Step: c.step(c.path + "/install" + c.choices.query()), Token: code, Early: early, SentTo: sent}
	if code != "" {
		state, err := c.p.Enroll.Progress(r.Context(), c.owner, code, false)
		if err != nil {
			return err
		}
		if state == activation.Claimed {
			page.Done, page.Early, page.Back = true, false, ""
			return c.p.Write(w, r, http.StatusOK, page)
		}
	}
	pair, err := c.p.Enroll.Pair(r.Context(), c.owner, c.subject())
	if err != nil {
		return err
	}
	if pair.ID != code {
		q := url.Values{"code": {pair.ID}}
		if sent != "" {
			q.Set("sent", sent)
		}
		return web.Move(w, r, c.path+"/activate"+page.And(q.Encode()))
	}
	page.Link, page.Code, page.Address, page.Until = pair.Link, pair.Typed, pair.TypeAt, pair.Expires
	status := http.StatusOK
	if early {
		status = http.StatusConflict
	}
	return c.p.Write(w, r, status, page)
}

// activateStatus is held until the app is connected or the code ends.
func (c *wizard) activateStatus(w http.ResponseWriter, r *http.Request) error {
	state, err := c.p.PairState(c.owner, r)
	if err != nil {
		return err
	}
	switch state {
	case activation.Waiting:
		return web.JSON(w, control.Status{Version: 1, State: string(state), Open: true})
	case activation.Claimed:
		return web.JSON(w, claimed(c.choices.Type == phone.Tablet, c.p.Web.Pages.Words(r)))
	}
	return web.JSON(w, control.Status{Version: 2, State: string(state)})
}

// claimed tells the page with the picture that the app is connected.
func claimed(tablet bool, w web.Words) control.Status {
	return control.Status{Version: 2, State: string(activation.Claimed), Line: w.S(kindly("line.done", tablet))}
}

// activate is "Continue": on when the app is connected, the same page again when it is not.
func (c *wizard) activate(w http.ResponseWriter, r *http.Request) error {
	code := r.PostFormValue("code")
	state, err := c.p.Enroll.Progress(r.Context(), c.owner, code, false)
	if err != nil {
		return err
	}
	if state != activation.Claimed {
		return c.activatePage(code, "", true, w, r)
	}
	next, err := c.after(r.Context(), c.subject())
	if err != nil {
		return err
	}
	return web.Move(w, r, next)
}

func (c *wizard) showMail(w http.ResponseWriter, r *http.Request) error {
	if gone, err := c.elsewhere("/install", w, r); gone || err != nil {
		return err
	}
	return c.p.Write(w, r, http.StatusOK, Mail{Step: c.step(c.path + "/activate" + c.choices.query())})
}

// mail sends the link to an address that is not kept (D-22).
func (c *wizard) mail(w http.ResponseWriter, r *http.Request) error {
	if gone, err := c.elsewhere("/install", w, r); gone || err != nil {
		return err
	}
	page := Mail{Step: c.step(c.path + "/activate" + c.choices.query())}
	typed, mistake, err := c.p.Mail(c.owner, c.subject(), c.username, r)
	if err != nil {
		return err
	}
	if mistake != nil {
		page.Typed, page.Err = typed, mistake
		return c.p.Write(w, r, control.MailStatus(mistake), page)
	}
	return web.Move(w, r, c.path+"/activate"+page.And(url.Values{"sent": {control.Masked(typed)}}.Encode()))
}
