package control

import (
	"errors"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
	"countersign/internal/site/web"
)

// Proofs are the addresses below each page that asks for a proof, in both prompts alike.
func Proofs[V Prompt]() []web.Below[V] {
	return shared[V](
		web.Get("", "what is asked now", present),
		web.Get("/status", "what a waiting page shows", status),
		web.Post("/push", "send a request to a phone", push),
		web.Post("/wait", "wait for the answer without a script", wait),
		web.Post("/code", "try a code", code))
}

// shared are addresses that every prompt serves in the same way.
func shared[V Prompt](list ...web.Below[Prompt]) []web.Below[V] {
	out := make([]web.Below[V], len(list))
	for i, b := range list {
		out[i] = web.Below[V]{Route: b.Route, Serve: func(v V, w http.ResponseWriter, r *http.Request) error { return b.Serve(v, w, r) }}
	}
	return out
}

// push sends a request (again) and shows the page that waits.
func push(p Prompt, w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	err := Choose(v, r)
	if err == nil {
		_, err = v.SignIn.Start(r.Context(), v.Session, v.requestTo(r.PostFormValue("device")), v.Purpose)
	}
	if err != nil && errs.KindOf(err) == errs.Limited {
		return p.Again(errs.Of(err), http.StatusTooManyRequests, w, r)
	}
	return on(v, err, w, r)
}

// on leads to the page's present state, or to the sign-in's own when that has moved on meanwhile, and returns any other error.
func on(v *View, err error, w http.ResponseWriter, r *http.Request) error {
	switch {
	case err == nil:
		return web.Move(w, r, v.Path)
	case errors.Is(err, login.ErrStale), errors.Is(err, user.ErrLocked), errors.Is(err, signin.ErrNoWay):
		return web.Move(w, r, v.Home)
	}
	return err
}

// status is held until something changes, then says what. What it needs for that is done elsewhere: the stack of a
// request that waits stays small.
func status(p Prompt, w http.ResponseWriter, r *http.Request) error {
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		return errs.New(errs.Invalid, "request.invalid")
	}
	ctx, cancel := web.Hold(r, 0)
	defer cancel()
	v := p.Of()
	for i := range v.Phones { // what is large in them nobody asks for after the wait, and ten thousand requests would keep it
		v.Phones[i].Key, v.Phones[i].Subscription = nil, nil
	}
	news, err := v.SignIn.Wait(ctx, v.Login.ID, since)
	if err != nil {
		return err
	}
	return report(p, news, w, r)
}

// report answers a status request.
func report(p Prompt, news *signin.Progress, w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	v.learn(news)
	answer := p.Status(news.Transaction, v.Web.Pages.Words(r))
	answer.Version = news.Version
	if !v.Step.Asks() {
		answer.Next = v.Path
	}
	return web.JSON(w, answer)
}

func (v *View) learn(news *signin.Progress) {
	v.Session = v.With(*news)
	v.Step = signin.Next(v.Session, v.Now(), v.Purpose)
}

// wait holds a form until the answer, for browsers without scripts.
func wait(p Prompt, w http.ResponseWriter, r *http.Request) error {
	v := p.Of()
	if err := Choose(v, r); err != nil {
		return on(v, err, w, r)
	}
	ctx, cancel := web.Hold(r, 55*time.Second)
	defer cancel()
	// When the sign-in is over, Wait returns at once: its page says so.
	for v.Step.Kind == signin.Waiting && ctx.Err() == nil && v.Now().Before(v.Login.Expires) {
		news, err := v.SignIn.Wait(ctx, v.Login.ID, v.Login.Version)
		if err != nil {
			return err
		}
		v.learn(news)
	}
	return web.Move(w, r, v.Path)
}

// code tries a code of any kind.
func code(p Prompt, w http.ResponseWriter, r *http.Request) error {
	v, typed := p.Of(), r.PostFormValue("code")
	if err := Choose(v, r); err != nil {
		return on(v, err, w, r)
	}
	if signin.CleanCode(typed) == "" && len(typed) < 2 {
		return p.Again(errs.New(errs.Invalid, "code.empty"), http.StatusUnprocessableEntity, w, r)
	}
	grant, err := try(v, typed, r)
	switch {
	case !grant.Empty():
		return p.Leave(grant, w, r)
	case errors.Is(err, signin.ErrCodeWrong), errors.Is(err, signin.ErrCodeAgain), errors.Is(err, signin.ErrCodesOff), errors.Is(err, signin.ErrWeak):
		if t := v.Transaction; t.Number != "" && signin.CleanCode(typed) == t.Number && t.State == transaction.Pending {
			err = errs.New(errs.Denied, "code.number") // the number on the screen goes into the app
		}
		return p.Again(errs.Of(err), http.StatusUnprocessableEntity, w, r)
	}
	return on(v, err, w, r)
}

// try tries a code. A sign-in that has nothing left to ask is finished with it, and the grant is not empty.
func try(v *View, typed string, r *http.Request) (secret.Text, error) {
	if v.Purpose == transaction.Manage {
		return secret.Text{}, v.SignIn.Code(r.Context(), v.Session, typed, v.Purpose)
	}
	return v.SignIn.Enter(r.Context(), v.Session, typed)
}

// holdsBox reports whether the form that was sent holds the box, so that no value means no tick.
func (v *View) holdsBox(r *http.Request) bool {
	return slices.Contains(v.Options.Boxed, path.Base(r.URL.Path))
}
