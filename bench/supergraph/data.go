package main

import "fmt"

// The subgraphs, as the benchmark of the shop with accounts, products, reviews and inventory has them.
var sdls = map[string]string{
	"accounts": `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])
type Query { me: User user(id: ID!): User users: [User] }
type User @key(fields: "id") { id: ID! name: String username: String @shareable birthday: Int }`,
	"products": `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
type Query { topProducts(first: Int = 5): [Product] }
type Product @key(fields: "upc") { upc: String! name: String price: Int weight: Int }`,
	"reviews": `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@external", "@provides"])
type Review @key(fields: "id") { id: ID! body: String author: User @provides(fields: "username") product: Product }
type User @key(fields: "id") { id: ID! username: String @external numberOfReviews: Int reviews: [Review] }
type Product @key(fields: "upc") { upc: String! reviews: [Review] }`,
	"inventory": `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@external", "@requires"])
type Product @key(fields: "upc") { upc: String! weight: Int @external price: Int @external inStock: Boolean
  shippingEstimate: Int @requires(fields: "price weight") }`,
}

const query = `
fragment User on User { id username name }
fragment Review on Review { id body }
fragment Product on Product { inStock name price shippingEstimate upc weight }
query TestQuery {
  users { ...User reviews { ...Review product { ...Product reviews { ...Review author { ...User reviews { ...Review product { ...Product } } } } } } }
  topProducts { ...Product reviews { ...Review author { ...User reviews { ...Review product { ...Product } } } } }
}`

type object = map[string]any

// shop is the data behind all subgraphs. Links are functions, because the data has circles.
func shop() object {
	names := [][2]string{{"Uri Goldshtein", "urigo"}, {"Dotan Simha", "dotansimha"}, {"Kamil Kisiela", "kamilkisiela"},
		{"Arda Tanrikulu", "ardatan"}, {"Gil Gardosh", "gilgardosh"}, {"Laurin Quast", "laurin"}}
	var users, products, reviews []object
	for i, n := range names {
		users = append(users, object{"__typename": "User", "id": fmt.Sprint(i + 1), "name": n[0], "username": n[1], "birthday": 1234567890 + i})
	}
	for i, p := range []struct {
		name          string
		price, weight int
	}{{"Table", 899, 100}, {"Couch", 1299, 1000}, {"Glass", 15, 20}, {"Chair", 499, 100}, {"TV", 1299, 1000}, {"Lamp", 6999, 300},
		{"Grill", 3999, 2000}, {"Fridge", 100000, 6000}, {"Sofa", 9999, 800}} {
		free := p.price > 1000
		estimate := p.weight / 2
		if free {
			estimate = 0
		}
		products = append(products, object{"__typename": "Product", "upc": fmt.Sprint(i + 1), "name": p.name, "price": p.price, "weight": p.weight,
			"inStock": i%3 != 2, "shippingEstimate": estimate})
	}
	for i, r := range []struct {
		author, product int
		body            string
	}{{1, 1, "Love it!"}, {1, 2, "Too expensive."}, {2, 3, "Could be better."}, {2, 1, "Prefer something else."}, {3, 1, "Great, would buy again."},
		{1, 3, "The picture is dark."}, {2, 2, "Wobbles."}, {1, 1, "Bright."}, {2, 1, "Fine for four."}, {1, 2, "Soft."}, {4, 1, "Hot."},
		{1, 1, "Still good after a year."}, {2, 1, "Arrived late."}, {3, 2, "As described."}} {
		author, product := users[r.author-1], products[r.product-1]
		review := object{"__typename": "Review", "id": fmt.Sprint(i + 1), "body": r.body, "author": author, "product": product}
		reviews = append(reviews, review)
		for _, o := range []object{author, product} {
			list, _ := o["reviews"].([]object)
			o["reviews"] = append(list, review)
		}
	}
	for _, o := range append(append([]object(nil), users...), products...) {
		if o["reviews"] == nil {
			o["reviews"] = []object{}
		}
	}
	return object{"users": users, "topProducts": products[:5], "User": users, "Product": products, "Review": reviews}
}
