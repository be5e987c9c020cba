"""The prediction log: responses of the API and late labels, read from every place that stores them."""
