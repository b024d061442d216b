"""How well the quality tests of a site find faults: labelled ones, injected blind, sent through the whole way."""
