package client

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

func TestSendTriesAgainWhatMayPass(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if string(b) != "x" || r.Header.Get("Authorization") != "Bearer fw_1" {
			t.Errorf("%s %v", b, r.Header)
		}
		switch calls.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler)
		default:
			w.Header().Set("Freshet-Position", "42")
		}
	}))
	defer server.Close()
	c, err := New(server.URL+"/", "fw_1", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, position, err := c.Send(t.Context(), Request{Path: "/v1/events", Body: []byte("x")})
	if err != nil || position != 42 || calls.Load() != 3 {
		t.Fatal(position, err, calls.Load())
	}
}

func TestProblemsBecomeErrors(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"title":"Bad Request","code":"unknown_field","detail":"no such field","field":"series.0.agregate"}`)
	}))
	defer server.Close()
	c, _ := New(server.URL, "", 1)
	defer c.Close()
	_, _, err := c.Send(t.Context(), Request{Path: "/"})
	var e *Error
	if !errors.As(err, &e) || e.Code != "unknown_field" || e.RetryAfter.Seconds() != 7 || e.Temporary() ||
		err.Error() != "the server refused (400 unknown_field): series.0.agregate: no such field" {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "localhost:8080", "ftp://x"} {
		if _, err := New(bad, "", 1); err == nil {
			t.Error(bad)
		}
	}
}

func TestFullProjectIsNotWaitedFor(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, `{"title":"Too Many Requests","code":"project_quota","detail":"the project has all the events that it may have"}`)
	}))
	defer server.Close()
	c, _ := New(server.URL, "", 1)
	defer c.Close()
	if _, _, err := c.Send(t.Context(), Request{Path: "/"}); err == nil || err.Error() != "the server refused (429 project_quota): the project has all the events that it may have" {
		t.Fatal(err)
	}
}
