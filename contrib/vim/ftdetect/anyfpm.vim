" The configuration of anyfpm and its pools, wherever that is installed.
autocmd BufNewFile,BufRead anyfpm.conf,*/anyfpm/*.conf,*/anyfpm/pool.d/*.conf setfiletype anyfpm
