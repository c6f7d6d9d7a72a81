process.stdout.write('nothing to show yet\n');
