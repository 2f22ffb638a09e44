-- linhui_public 
SELECT owner
 FROM owners
 ORDER BY owner
