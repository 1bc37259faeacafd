// A FastCGI program in Go, with net/http/fcgi: says what it was asked, and counts the bytes of a
// body.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/fcgi"
)

func hello(w http.ResponseWriter, r *http.Request) {
	bytes, err := io.Copy(io.Discard, r.Body)
	if err != nil || bytes < r.ContentLength {
		log.Printf("hello: the body ends after %d bytes: %v", bytes, err)
		http.Error(w, "the body is not whole", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%s %s, %d bytes\n", r.Method, r.URL.RequestURI(), bytes)
}

func main() {
	log.SetFlags(0) // anyfpm writes the time

	// What is the same for all requests is done here, once: settings, templates, a pool of
	// connections to a database with one or two in it, for there are several workers.
	http.HandleFunc("/", hello)

	// With nil, it accepts on descriptor 0. Each connection that is kept has a goroutine.
	log.Fatal(fcgi.Serve(nil, nil))
}
