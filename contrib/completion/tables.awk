# tables.awk: what the completions and the syntax file need to know, from the tables of the sources
# themselves. With -v want=bash or zsh: fpm/start/options.c and fpm/control/command.c; with -v want=vim:
# conf/directives.c. Where no table is found it fails.

# A text of C, in which a constant may stand between two pieces; without its line feed.
function c_text(line)
{
	sub(/^[ \t]*"/, "", line)
	sub(/(\\n)?"[;, ]*$/, "", line)
	gsub(/" [A-Z_]+ "/, "", line)
	sub(/ *\(default: \)/, "", line)
	gsub(/\\"/, "\"", line)
	return line
}

# Of "-y, --fpm-config FILE": the names, with a blank between them; the argument's name to ARGUMENT.
function option_names(text,    n, i, words, names)
{
	ARGUMENT = ""
	gsub(/,/, "", text)
	n = split(text, words, " ")
	for (i = 1; i <= n; i++) {
		if (words[i] ~ /^-/)
			names = names (names == "" ? "" : " ") words[i]
		else
			ARGUMENT = words[i]
	}
	return names
}

/^static const char help_text/ { in_help = 1; next }
in_help && /;$/ { in_help_ends = 1 }
in_help {
	line = c_text($0)
	if (line ~ /^ +-/) {
		match(line, /^ *(-[A-Za-z], )?--?[^ ]+(, --[^ ]+)*( [A-Z]+)?/)
		option = substr(line, 1, RLENGTH)
		names[++options] = option_names(option)
		argument[options] = ARGUMENT
		help[options] = substr(line, RLENGTH + 1)
		sub(/^ +/, "", help[options])
	} else if (options > 0 && line ~ /^ +[^ ]/) {
		sub(/^ +/, " ", line)
		help[options] = help[options] line
	}
	if (in_help_ends)
		in_help = 0
}
/^ *\[COMMAND_[A-Z]+\] = \{"/ { split($0, part, "\""); commands = commands " " part[2] }

/^const struct directive directives/ { in_directives = 1 }
in_directives && /^\t\{ "/ {
	split($0, part, "\"")
	name = part[2]
	directives += !(name in seen)
	if (!(name in seen))
		list = list " " name
	seen[name] = 1
}
/^static const struct value_word/ { in_words = 1 }
in_words && /^ +\{"/ {
	split($0, part, "\"")
	if (!(part[2] in word_seen))
		value_words = value_words " " part[2]
	word_seen[part[2]] = 1
}
/^};/ { in_words = 0 }

function print_bash(    i, j, n, words)
{
	printf "_anyfpm_commands='%s'\n", substr(commands, 2)
	printf "_anyfpm_options='"
	for (i = 1; i <= options; i++)
		printf("%s%s", (i > 1 ? " " : ""), names[i])
	printf "'\n_anyfpm_arguments='"
	for (i = 1; i <= options; i++) {
		n = argument[i] == "" ? 0 : split(names[i], words, " ")
		for (j = 1; j <= n; j++)
			printf " %s=%s", words[j], argument[i]
	}
	print " '"
}

function print_zsh(    i, j, n, words, text, all, rest)
{
	printf "_anyfpm_commands=(%s)\n_anyfpm_options=(\n", substr(commands, 2)
	for (i = 1; i <= options; i++) {
		text = help[i]
		gsub(/[][]/, "\\\\&", text)
		gsub(/'/, "'\\''", text)
		gsub(/ +/, " ", text)
		n = split(names[i], words, " ")
		all = names[i]
		# A second -t means something.
		rest = argument[i] == "" && all ~ /^-t / ? "*" : "(" all ")"
		for (j = 1; j <= n; j++)
			printf "\t'%s%s[%s]%s'\n", rest, words[j], text,
			    argument[i] == "" ? "" : ":" tolower(argument[i]) ":_anyfpm_" tolower(argument[i])
	}
	print ")"
}

function print_vim(    i, n, name)
{
	n = split(list, name, " ")
	print "syntax case ignore"
	for (i = 1; i <= n; i++) {
		gsub(/\./, "\\.", name[i])
		printf "syntax match anyfpmDirective /^\\s*%s\\ze\\s*\\%%(\\[[^]]*]\\)\\?\\s*=/ nextgroup=anyfpmKey,anyfpmIs skipwhite\n", name[i]
	}
	printf "syntax keyword anyfpmWord contained%s\n", value_words
}

END {
	if (want == "vim" ? directives < 10 : options < 10 || commands == "") {
		print "tables.awk: the tables are not where they were" >"/dev/stderr"
		exit 1
	}
	if (want == "bash")
		print_bash()
	else if (want == "zsh")
		print_zsh()
	else
		print_vim()
}
