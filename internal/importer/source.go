package importer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/valyala/fastjson"
)

// source reads rows. Next returns io.EOF after the last one; a rowError error concerns one row alone.
type source interface {
	Next() (*Row, error)
	// Progress is how much was read and the total (0 when unknown) in the same unit.
	Progress() (done, total int64)
	Close() error
}

// formatOf tells a file's format by its name.
func formatOf(path string) (string, error) {
	name := strings.TrimSuffix(strings.ToLower(path), ".gz")
	switch {
	case strings.HasSuffix(name, ".csv"):
		return "csv", nil
	case strings.HasSuffix(name, ".ndjson"), strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".json"):
		return "ndjson", nil
	case strings.HasSuffix(name, ".parquet"):
		return "parquet", nil
	}
	return "", fmt.Errorf("the format of %s is not clear from its name; give it with --format csv, ndjson or parquet", path)
}

func open(ctx context.Context, o Options) (source, error) {
	format := o.Format
	if format == "" {
		var err error
		if format, err = formatOf(o.Path); err != nil {
			return nil, err
		}
	}
	if format == "parquet" {
		return openParquet(ctx, o.Path)
	}
	f, err := openFile(o)
	if err != nil {
		return nil, err
	}
	if format == "csv" {
		return newCSV(f), nil
	}
	return &ndjsonSource{file: f}, nil
}

// file is a stream with the number of bytes read from the disk.
type file struct {
	*bufio.Reader
	closer io.Closer
	read   atomic.Int64
	total  int64
	in     io.Reader
}

func (f *file) Progress() (int64, int64) { return f.read.Load(), f.total }

func (f *file) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// countingReader counts what is read of the file itself.
type countingReader struct{ f *file }

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.f.in.Read(p)
	c.f.read.Add(int64(n))
	return n, err
}

// openFile opens a file or standard input, unpacking gzip whatever the name says.
func openFile(o Options) (*file, error) {
	f := &file{in: o.In}
	if o.Path != "-" {
		in, err := os.Open(o.Path)
		if err != nil {
			return nil, err
		}
		info, err := in.Stat()
		if err != nil {
			return nil, errors.Join(err, in.Close())
		}
		f.in, f.closer, f.total = in, in, info.Size()
	}
	f.Reader = bufio.NewReaderSize(countingReader{f}, 256<<10)
	if head, err := f.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(f.Reader)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("unpack %s: %w", o.Path, err), f.Close())
		}
		f.Reader = bufio.NewReaderSize(z, 256<<10)
	}
	if head, err := f.Peek(3); err == nil && string(head) == "\xef\xbb\xbf" {
		_, _ = f.Discard(3) // a byte order mark is no part of the first name
	}
	return f, nil
}

type csvSource struct {
	*file
	csv *csv.Reader
	row Row
}

func newCSV(f *file) *csvSource {
	r := csv.NewReader(f.Reader)
	r.ReuseRecord = true
	r.FieldsPerRecord = -1
	if first, err := f.Peek(4096); err == nil || len(first) > 0 {
		line, _, _ := bytes.Cut(first, []byte("\n"))
		for _, c := range []rune{'\t', ';'} {
			if bytes.ContainsRune(line, c) && !bytes.ContainsRune(line, ',') {
				r.Comma = c
			}
		}
	}
	return &csvSource{file: f, csv: r}
}

func (s *csvSource) Next() (*Row, error) {
	if s.row.Names == nil {
		head, err := s.csv.Read()
		if err != nil {
			return nil, err
		}
		s.row.Names = append([]string{}, head...)
		for i, n := range s.row.Names {
			s.row.Names[i] = strings.TrimSpace(n)
		}
		s.row.Values = make([]Value, len(head))
	}
	record, err := s.csv.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return nil, badf("%v", err)
	}
	if err != nil {
		return nil, err
	}
	if len(record) != len(s.row.Names) {
		return nil, badf("%d fields where the header has %d (line %d)", len(record), len(s.row.Names), line(s.csv))
	}
	for i, text := range record {
		s.row.Values[i] = csvValue(text)
	}
	return &s.row, nil
}

func line(r *csv.Reader) int {
	n, _ := r.FieldPos(0)
	return n
}

// csvValue guesses the type of a cell: numbers as programs write them, true and false, else text; an empty cell is
// absent. What only looks like a number, such as 007 or +49, stays text.
func csvValue(text string) Value {
	switch text {
	case "":
		return Value{}
	case "true", "false":
		return Value{JSON: text, Text: text}
	case "True", "TRUE":
		return Value{JSON: "true", Text: text}
	case "False", "FALSE":
		return Value{JSON: "false", Text: text}
	}
	if plainNumber(text) {
		return Value{JSON: text, Text: text}
	}
	return Value{JSON: string(appendString(nil, text)), Text: text}
}

// plainNumber tells whether text is a number in JSON's own spelling that fits a float64.
func plainNumber(text string) bool {
	if len(text) > 25 || text[0] != '-' && (text[0] < '0' || text[0] > '9') || fastjson.Validate(text) != nil {
		return false
	}
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && !math.IsInf(f, 0)
}

type ndjsonSource struct {
	*file
	parser fastjson.Parser
	row    Row
	line   []byte
}

// maxLine is the longest line of NDJSON; the server takes no event that large.
const maxLine = 16 << 20

func (s *ndjsonSource) Next() (*Row, error) {
	for {
		text, err := s.readLine()
		if err != nil {
			return nil, err
		}
		text = bytes.TrimSpace(text)
		if len(text) == 0 {
			continue
		}
		v, err := s.parser.ParseBytes(text)
		if err != nil {
			return nil, badf("not JSON: %v", err)
		}
		o, err := v.Object()
		if err != nil {
			return nil, badf("a JSON %s, not an object", v.Type())
		}
		s.row.Names, s.row.Values = s.row.Names[:0], s.row.Values[:0]
		o.Visit(func(key []byte, v *fastjson.Value) {
			s.row.Names = append(s.row.Names, string(key))
			s.row.Values = append(s.row.Values, jsonValue(v))
		})
		return &s.row, nil
	}
}

func (s *ndjsonSource) readLine() ([]byte, error) {
	s.line = s.line[:0]
	for {
		part, err := s.ReadSlice('\n')
		if len(s.line) <= maxLine {
			s.line = append(s.line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(s.line) > 0:
		case err != nil:
			return nil, err
		}
		if len(s.line) > maxLine {
			return nil, badf("the line is longer than %d bytes", maxLine)
		}
		return s.line, nil
	}
}

func jsonValue(v *fastjson.Value) Value {
	text := string(v.MarshalTo(nil))
	if s, err := v.StringBytes(); err == nil {
		return Value{JSON: text, Text: string(s)}
	}
	return Value{JSON: text, Text: text}
}
