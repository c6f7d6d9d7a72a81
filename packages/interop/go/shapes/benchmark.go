package shapes

import (
	"reflect"

	"rpcxjs.interop/go/pb"
)

// BenchmarkText is what every string field of the filled benchmark message holds.
const BenchmarkText = "许多往事在眼前一幕一幕，变的那麼模糊"

// BenchmarkNumber is what every integer field of the filled benchmark message holds.
const BenchmarkNumber = 100000

// FilledBenchmark is the message as rpcx's benchmark sends it: every field but the repeated one is set, 581 bytes.
func FilledBenchmark() *pb.BenchmarkMessage {
	message := &pb.BenchmarkMessage{}
	v := reflect.ValueOf(message).Elem()
	for i := 0; i < v.NumField(); i++ {
		field := v.Field(i)
		if !v.Type().Field(i).IsExported() || field.Kind() != reflect.Pointer {
			continue
		}
		value := reflect.New(field.Type().Elem())
		switch value.Elem().Kind() {
		case reflect.Int32, reflect.Int64:
			value.Elem().SetInt(BenchmarkNumber)
		case reflect.Bool:
			value.Elem().SetBool(true)
		case reflect.String:
			value.Elem().SetString(BenchmarkText)
		}
		field.Set(value)
	}
	return message
}
